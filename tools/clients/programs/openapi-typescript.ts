import createClient from "openapi-fetch";
import type { paths } from "./openapi-typescript.gen.js";
import { base, body, headers, otherBody, report } from "./common.js";

const client = createClient<paths>({ baseUrl: base, headers });
const params = { header: { "Idempotency-Key": "key-of-openapi-typescript" } };
const create = (body: { actAs: string; displayName: string }) => client.POST("/v1/spaces", { params, body });

const created = await create(body("openapi-typescript"));
const again = await create(body("openapi-typescript"));
const plan = await client.POST("/v1/spaces:plan", { body: body("openapi-typescript") });
const refused = await create(otherBody);
report({
  name: created.data?.name ?? "", again: again.data?.name ?? "", planned: plan.data?.requests.length ?? 0,
  problem: refused.error?.type ?? "",
});
