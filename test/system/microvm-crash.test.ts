import { testKills } from "../support/killing.ts";

// A machine that nobody came for ends by itself after a while.
testKills({ kills: Number(process.env["ISLE_KILLS"] ?? 20), runtime: "isle-vm", settleMs: 60_000 });
