import { readFileSync } from "node:fs";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text(process.env.GREETING));
app.get("/price/:item", (c) => c.json({ item: c.req.param("item"), price: c.req.param("item").length }));
app.get("/news", (c) => c.text(readFileSync("/app/public/news.txt", "utf8")));
serve({ fetch: app.fetch, port: Number(process.env.PORT) });
