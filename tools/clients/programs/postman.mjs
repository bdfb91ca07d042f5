// Sends the collection's requests as Postman does, with the values that a person fills in.
import { readFileSync } from "node:fs";
import newman from "newman";

const collection = JSON.parse(readFileSync(new URL("postman.json", import.meta.url)));
const all = (items) => items.flatMap((i) => (i.request ? [i] : all(i.item ?? [])));
const find = (name) => structuredClone(all(collection.item).find((i) => i.name === name));
const request = (name, displayName) => {
  const item = find(name);
  delete item.response;
  item.request.body.raw = JSON.stringify({ actAs: "ada@example.com", displayName });
  for (const h of item.request.header) {
    if (h.key === "Idempotency-Key") h.value = "key-of-postman";
  }
  return item;
};
const create = "Create a space as a person";
const items = [
  request(create, "Made by postman"), request(create, "Made by postman"),
  request("List the requests to Google that createSpace would send", "Made by postman"), request(create, "Another"),
];
newman.run({
  collection: { ...collection, item: items },
  envVar: [{ key: "baseUrl", value: process.env.BASE }, { key: "bearerToken", value: process.env.TOKEN }],
}, (error, summary) => {
  if (error) throw error;
  const [created, again, plan, refused] = summary.run.executions.map((e) => JSON.parse(e.response.stream.toString()));
  console.log(JSON.stringify({
    name: created.name, again: again.name, planned: plan.requests.length, problem: refused.type,
  }));
});
