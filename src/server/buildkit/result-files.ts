import { notFound, unsupported } from "../../base/error.ts";
import type { TreeRoot } from "../../core/archive.ts";
import { SourceRoots } from "../../engine/build/source-roots.ts";
import { type Call, type Methods, onlyMessage } from "../grpc/grpc-server.ts";
import type { FileStat } from "./file-packets.ts";
import { codec } from "./messages.ts";
import type { BuildkitParts } from "./parts.ts";

interface FileRequest {
  readonly Ref: string;
  readonly FilePath: string;
  readonly Range: { readonly Offset: number; readonly Length: number } | null;
}

const codecs = {
  evaluate: codec<{ Ref: string }>("EvaluateRequest"),
  readFile: codec<FileRequest>("ReadFileRequest"),
  file: codec<{ Data: Uint8Array }>("ReadFileResponse"),
  statFile: codec<{ Ref: string; Path: string }>("StatFileRequest"),
  stat: codec<{ stat: Partial<FileStat> }>("StatFileResponse"),
  empty: codec<object>("Empty"),
};

/** What fits into one message. */
const maxFileBytes = 4 << 20;

/** What a client asks of the results of its builds. */
export function resultMethods(parts: BuildkitParts): Methods {
  const gateway = (name: string): string => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
  return {
    [gateway("Evaluate")]: (call) => evaluate(parts, call),
    [gateway("ReadFile")]: (call) => readFile(parts, call),
    [gateway("StatFile")]: (call) => statFile(parts, call),
    ...Object.fromEntries(beyond.map(({ name, why }) => [gateway(name), (call: Call) => refuse(call, { name, why })])),
  };
}

/** What only frontends and debuggers call. */
const beyond = [
  { name: "ReadDir", why: "files of a result are read one by one" },
  { name: "ResolveImageConfig", why: "there are no frontends but the built-in one" },
  { name: "ResolveSourceMeta", why: "there are no frontends but the built-in one" },
  { name: "Inputs", why: "there are no frontends but the built-in one" },
  { name: "Warn", why: "there are no frontends but the built-in one" },
  { name: "NewContainer", why: "a step is looked into by a container made of its image" },
  { name: "ReleaseContainer", why: "a step is looked into by a container made of its image" },
  { name: "ExecProcess", why: "a step is looked into by a container made of its image" },
];

async function refuse(call: Call, { name, why }: { name: string; why: string }): Promise<void> {
  await onlyMessage(call);
  throw unsupported(`${name} of BuildKit's gateway`, { hint: why });
}

/** A result is built before its reference is handed out. */
async function evaluate({ results }: BuildkitParts, call: Call): Promise<void> {
  results.get(codecs.evaluate.decode(await onlyMessage(call)).Ref);
  call.send(codecs.empty.encode({}));
}

async function readFile(parts: BuildkitParts, call: Call): Promise<void> {
  const { Ref, FilePath, Range } = codecs.readFile.decode(await onlyMessage(call));
  const data = await inResult(parts, { id: Ref, path: FilePath }, (root, path) =>
    parts.deps.archive.readFile(root, path, maxFileBytes),
  );
  if (data === undefined) throw notFound(`${FilePath} is no file of the result`);
  const { Offset: start = 0, Length: length = 0 } = Range ?? {};
  const end = length > 0 ? start + length : data.length;
  call.send(codecs.file.encode({ Data: data.subarray(start, end) }));
}

async function statFile(parts: BuildkitParts, call: Call): Promise<void> {
  const { Ref, Path } = codecs.statFile.decode(await onlyMessage(call));
  const stat = await inResult(parts, { id: Ref, path: Path }, (root, path) => parts.deps.archive.stat(root, path));
  const { mode, sizeBytes: size, linkTarget: linkname, name: path } = stat;
  call.send(codecs.stat.encode({ stat: { path, mode, size, linkname, modTime: nanos(stat.modifiedAt) } }));
}

const absolute = (path: string): string => `/${path.replace(/^\/+/, "")}`;
const nanos = (time: string): string => `${BigInt(Date.parse(time) || 0) * 1_000_000n}`;

async function inResult<T>(
  { deps, results }: BuildkitParts,
  { id, path }: { readonly id: string; readonly path: string },
  work: (root: TreeRoot, path: string) => Promise<T>,
): Promise<T> {
  const found = results.get(id);
  if (found.kind === "files") {
    return await work({ path: await found.files.path() }, absolute(found.names.get(path) ?? path));
  }
  const roots = new SourceRoots(deps);
  try {
    return await work(roots.mount(found.result.layers.map(({ chainId }) => chainId)), absolute(path));
  } finally {
    await roots.close();
  }
}
