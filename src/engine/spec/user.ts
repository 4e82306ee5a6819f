import { invalid } from "../../base/error.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: number[];
  readonly home: string;
}

interface UserFiles {
  /** Texts of /etc/passwd and /etc/group in the image; empty when absent. */
  readonly passwd: string;
  readonly group: string;
}

/**
 * Finds `user[:group]`, names or numbers, as the image knows them. A number need not be listed; a name must be.
 * Groups that list the user come along unless a group was named; `groupAdd` always does.
 */
export function resolveUser(text: string, files: UserFiles, groupAdd: readonly string[] = []): ResolvedUser {
  const [userText = "", groupText = ""] = text.split(":", 2);
  const users = parse(files.passwd);
  const groups = parse(files.group);
  const entry = findUser(users, userText);
  const uid = entry ? Number(entry[2]) : numericId(userText || "0", `unable to find user ${userText}`);
  const gid = groupText ? groupId(groups, groupText) : Number(entry?.[3] ?? 0);
  const member = groupText === "" && entry ? groups.filter((g) => g[3]?.split(",").includes(entry[0]!)) : [];
  const extra = [...member.map((g) => Number(g[2])), ...groupAdd.map((name) => groupId(groups, name))];
  return { uid, gid, additionalGids: [...new Set(extra)], home: entry?.[5] || "/" };
}

const parse = (text: string): string[][] =>
  text
    .split("\n")
    .map((line) => line.trim().split(":"))
    .filter((fields) => fields.length >= 3 && /^\d+$/.test(fields[2]!));

/** A name wins over a number; without a user it is the one with id 0. */
function findUser(users: string[][], text: string): string[] | undefined {
  return users.find(([name]) => name === text && text !== "") ?? users.find((user) => user[2] === (text || "0"));
}

function groupId(groups: string[][], text: string): number {
  const entry = groups.find(([name]) => name === text);
  return entry ? Number(entry[2]) : numericId(text, `unable to find group ${text}`);
}

function numericId(text: string, problem: string): number {
  if (!/^\d{1,10}$/.test(text)) throw invalid(`${problem}: no matching entries in passwd file`);
  const id = Number(text);
  if (id > 2 ** 31 - 1) throw invalid("uids and gids must be in range 0-2147483647");
  return id;
}
