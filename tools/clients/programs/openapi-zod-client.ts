import { isAxiosError } from "axios";
import { createApiClient } from "./openapi-zod-client.gen.js";
import { base, body, headers, keyed, otherBody, report } from "./common.js";

const client = createApiClient(base, { axiosConfig: { headers } });
const key = { headers: keyed("openapi-zod-client") };
const created = await client.createSpace(body("openapi-zod-client"), key);
const again = await client.createSpace(body("openapi-zod-client"), key);
// The generator takes :plan for a parameter of the path.
const plan = await client.planSpace(body("openapi-zod-client"), { params: { plan: ":plan" } });
let problem = "";
try {
  await client.createSpace(otherBody, key);
} catch (e) {
  if (isAxiosError(e)) problem = e.response?.data.type; // the generator has no types for default errors
}
report({ name: created.name ?? "", again: again.name ?? "", planned: plan.requests.length, problem });
