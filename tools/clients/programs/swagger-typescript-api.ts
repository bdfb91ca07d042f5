import { Api, HttpResponse, type CreatedSpace, type Problem } from "./swagger-typescript-api.gen.js";
import { base, body, headers, keyed, otherBody, report } from "./common.js";

const api = new Api({ baseUrl: base, baseApiParams: { headers } });
const key = { headers: keyed("swagger-typescript-api") };
const created = await api.v1.createSpace(body("swagger-typescript-api"), key);
const again = await api.v1.createSpace(body("swagger-typescript-api"), key);
// The generator takes :plan for a parameter of the path.
const plan = await api.v1.planSpace(":plan", body("swagger-typescript-api"));
const refused = await api.v1.createSpace(otherBody, key)
  .catch((e: HttpResponse<CreatedSpace, Problem>) => e);
report({
  name: created.data.name ?? "", again: again.data.name ?? "", planned: plan.data.requests.length,
  problem: refused.error.type,
});
