// Generates a client from the API's document with each generator, into the folder named by the first argument.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createClient } from "@hey-api/openapi-ts";
import { generate } from "orval";
import { generateApi } from "swagger-typescript-api";

const [out, base] = process.argv.slice(2);
const document = resolve(import.meta.dirname, "../../shared/api/openapi.yaml");
const run = (name, ...args) =>
  execFileSync(join(import.meta.dirname, "node_modules/.bin", name), args, { stdio: ["ignore", "ignore", "inherit"] });

mkdirSync(out, { recursive: true });
run("openapi-typescript", document, "-o", join(out, "openapi-typescript.gen.ts"));
run("openapi-zod-client", document, "-o", join(out, "openapi-zod-client.gen.ts"));
run("openapi2postmanv2", "-s", document, "-o", join(out, "postman.json"), "-O",
  "requestParametersResolution=Example");
await generateApi({ input: document, output: out, fileName: "swagger-typescript-api.gen.ts", silent: true });
await createClient({
  input: document, output: { path: join(out, "hey-api.gen"), tsConfigPath: join(out, "tsconfig.json") }, plugins: ["@hey-api/client-fetch", "@hey-api/sdk"],
  logs: { level: "silent" },
});
// orval writes the address into the client, and takes none from servers if it is relative.
await generate({ input: document, output: { target: join(out, "orval.gen.ts"), client: "fetch", baseUrl: base } });
