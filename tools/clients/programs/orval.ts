import { createSpace, planSpace } from "./orval.gen.js";
import { body, headers, keyed, otherBody, report } from "./common.js";

const key = { headers: keyed("orval") };
const created = await createSpace(body("orval"), key);
const again = await createSpace(body("orval"), key);
const plan = await planSpace(body("orval"), { headers });
const refused = await createSpace(otherBody, key);
report({
  name: "name" in created.data ? created.data.name ?? "" : "", again: "name" in again.data ? again.data.name ?? "" : "",
  planned: "requests" in plan.data ? plan.data.requests.length : 0,
  problem: "type" in refused.data ? refused.data.type : "",
});
