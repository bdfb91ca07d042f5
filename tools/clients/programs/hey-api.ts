import { client } from "./hey-api.gen/client.gen.js";
import { createSpace, planSpace } from "./hey-api.gen/sdk.gen.js";
import { base, body, headers, otherBody, report } from "./common.js";

client.setConfig({ baseUrl: base, headers });
const key = { "Idempotency-Key": "key-of-hey-api" };
const created = await createSpace({ body: body("hey-api"), headers: key });
const again = await createSpace({ body: body("hey-api"), headers: key });
const plan = await planSpace({ body: body("hey-api") });
const refused = await createSpace({ body: otherBody, headers: key });
report({
  name: created.data?.name ?? "", again: again.data?.name ?? "", planned: plan.data?.requests.length ?? 0,
  problem: refused.error?.type ?? "",
});
