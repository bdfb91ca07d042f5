// What every program does: create a space, plan one, repeat the creation with the same key, and read a problem.
export const base = process.env.BASE ?? "";
export const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
export const keyed = (generator: string) => ({ ...headers, "Idempotency-Key": `key-of-${generator}` });

export const body = (generator: string) => ({ actAs: "ada@example.com", displayName: `Made by ${generator}` });
export const otherBody = { actAs: "ada@example.com", displayName: "Another body with the same key" };

export function report(result: { name: string; again: string; planned: number; problem: string }) {
  console.log(JSON.stringify(result));
}
