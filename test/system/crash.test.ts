import { testKills } from "../support/killing.ts";

testKills({ kills: Number(process.env["ISLE_KILLS"] ?? 200) });
