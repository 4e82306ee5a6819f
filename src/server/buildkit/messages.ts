import protobuf from "protobufjs";

/**
 * The messages of BuildKit's protocol that a build by its clients takes: the control service and the gateway on /grpc, and
 * what the client serves on /session. Only the fields that are read or written here.
 */
const definitions = `
syntax = "proto3";

message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Version { string package = 1; string version = 2; string revision = 3; }
message Platform { string Architecture = 1; string OS = 2; string Variant = 3; }
message Worker { string ID = 1; map<string, string> Labels = 2; repeated Platform platforms = 3; Version version = 5; }

message ListWorkersRequest { repeated string filter = 1; }
message ListWorkersResponse { repeated Worker record = 1; }
message InfoResponse { Version buildkitVersion = 1; }
message Exporter { string Type = 1; map<string, string> Attrs = 2; }
message CacheEntry { string Type = 1; map<string, string> Attrs = 2; }
message CacheOptions { repeated CacheEntry Exports = 4; repeated CacheEntry Imports = 5; }
message ControlSolveRequest {
  string Ref = 1;
  Definition Definition = 2;
  string ExporterOld = 3;
  map<string, string> ExporterAttrsOld = 4;
  string Session = 5;
  string Frontend = 6;
  map<string, string> FrontendAttrs = 7;
  CacheOptions Cache = 8;
  repeated string Entitlements = 9;
  map<string, Definition> FrontendInputs = 10;
  bytes SourcePolicy = 12;
  repeated Exporter Exporters = 13;
}
message ControlSolveResponse { map<string, string> ExporterResponse = 1; }
message StatusRequest { string Ref = 1; }
message StatusResponse { repeated Vertex vertexes = 1; repeated VertexLog logs = 3; repeated VertexWarning warnings = 4; }
message Vertex {
  string digest = 1;
  repeated string inputs = 2;
  string name = 3;
  bool cached = 4;
  Timestamp started = 5;
  Timestamp completed = 6;
  string error = 7;
}
message VertexLog { string vertex = 1; Timestamp timestamp = 2; int64 stream = 3; bytes msg = 4; }
message Position { int32 line = 1; int32 character = 2; }
message Range { Position start = 1; Position end = 2; }
message SourceInfo { string filename = 1; bytes data = 2; string language = 4; }
message VertexWarning {
  string vertex = 1;
  int64 level = 2;
  bytes short = 3;
  repeated bytes detail = 4;
  string url = 5;
  SourceInfo info = 6;
  repeated Range ranges = 7;
}
message BuildHistoryRequest { bool ActiveOnly = 1; string Ref = 2; bool EarlyExit = 3; int32 Limit = 5; }
message BuildHistoryEvent { int32 type = 1; BuildHistoryRecord record = 2; }
message BuildHistoryRecord {
  string Ref = 1;
  string Frontend = 2;
  map<string, string> FrontendAttrs = 3;
  repeated Exporter Exporters = 4;
  Status error = 5;
  Timestamp CreatedAt = 6;
  Timestamp CompletedAt = 7;
  BlobDescriptor logs = 8;
  map<string, string> ExporterResponse = 9;
  BuildResults Result = 10;
  map<string, BuildResults> Results = 11;
  int32 numCachedSteps = 15;
  int32 numTotalSteps = 16;
  int32 numCompletedSteps = 17;
  BlobDescriptor externalError = 18;
  int32 numWarnings = 19;
}
message BlobDescriptor { string media_type = 1; string digest = 2; int64 size = 3; map<string, string> annotations = 5; }
message BuildResults { BlobDescriptor result = 1; repeated BlobDescriptor attestations = 2; map<int64, BlobDescriptor> results = 3; }
message BlobInfo { string digest = 1; int64 size = 2; }
message BlobInfoResponse { BlobInfo info = 1; }
message UpdateBuildHistoryRequest { string Ref = 1; bool Pinned = 2; bool Delete = 3; }
message UsageRecord {
  string ID = 1;
  bool Mutable = 2;
  bool InUse = 3;
  int64 Size = 4;
  Timestamp CreatedAt = 6;
  Timestamp LastUsedAt = 7;
  int64 UsageCount = 8;
  string Description = 9;
  string RecordType = 10;
  bool Shared = 11;
  repeated string Parents = 12;
}
message DiskUsageResponse { repeated UsageRecord record = 1; }
message PruneRequest { repeated string filter = 1; bool all = 2; int64 keepDuration = 3; int64 reservedSpace = 4; int64 maxUsedSpace = 5; int64 minFreeSpace = 6; }
message DiskUsageRequest { repeated string filter = 1; }

message Definition { repeated bytes def = 1; map<string, OperationMetadata> metadata = 2; }
message OperationMetadata { bool ignore_cache = 1; }
message Operation { repeated OperationInput inputs = 1; SourceOperation source = 3; }
message OperationInput { string digest = 1; int64 index = 2; }
message SourceOperation { string identifier = 1; map<string, string> attrs = 2; }

message Cap { string ID = 1; bool Enabled = 2; }
message PongResponse { repeated Cap FrontendAPICaps = 1; repeated Cap LLBCaps = 2; repeated Worker Workers = 3; }
message GatewaySolveRequest {
  Definition Definition = 1;
  string Frontend = 2;
  map<string, string> FrontendOpt = 3;
  bool allowResultReturn = 5;
  bool allowResultArrayRef = 6;
  map<string, Definition> FrontendInputs = 13;
  repeated bytes SourcePolicies = 15;
}
message Reference { string id = 1; Definition def = 2; }
message References { map<string, Reference> refs = 1; }
message Result { oneof result { Reference ref = 3; References refs = 4; } map<string, bytes> metadata = 10; }
message GatewaySolveResponse { string ref = 1; Result result = 3; }
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message ReturnRequest { Result result = 1; Status error = 2; }
message EvaluateRequest { string Ref = 1; }
message FileRange { int64 Offset = 1; int64 Length = 2; }
message ReadFileRequest { string Ref = 1; string FilePath = 2; FileRange Range = 3; }
message ReadFileResponse { bytes Data = 1; }
message StatFileRequest { string Ref = 1; string Path = 2; }
message StatFileResponse { Stat stat = 1; }
message Empty { }

message Stat {
  string path = 1;
  uint32 mode = 2;
  uint32 uid = 3;
  uint32 gid = 4;
  int64 size = 5;
  int64 modTime = 6;
  string linkname = 7;
  int64 devmajor = 8;
  int64 devminor = 9;
  map<string, bytes> xattrs = 10;
}
message Packet { int32 type = 1; Stat stat = 2; uint32 ID = 3; bytes data = 4; }
message BytesMessage { bytes data = 1; }
message ReadContentRequest { string digest = 1; int64 offset = 2; int64 size = 3; }
message ReadContentResponse { int64 offset = 1; bytes data = 2; }
message InfoRequest { string digest = 1; }
message WriteContentRequest {
  int32 action = 1;
  string ref = 2;
  int64 total = 3;
  string expected = 4;
  int64 offset = 5;
  bytes data = 6;
}
message CheckAgentRequest { string ID = 1; }
message GetSecretRequest { string ID = 1; map<string, string> annotations = 2; }
message GetSecretResponse { bytes data = 1; }
message CredentialsRequest { string Host = 1; }
message CredentialsResponse { string Username = 1; string Secret = 2; }
`;

const root = protobuf.parse(definitions, { keepCase: true }).root;

/** Reads and writes one message; 64-bit numbers are JavaScript numbers. */
export interface Codec<T> {
  encode(message: Partial<T>): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** The codec of a message by its name in the definitions. Missing fields decode to their defaults. */
export function codec<T>(name: string): Codec<T> {
  const type = root.lookupType(name);
  return {
    encode: (message) => type.encode(type.fromObject(message as Record<string, unknown>)).finish(),
    decode: (bytes) =>
      type.toObject(type.decode(bytes), { longs: Number, defaults: true, arrays: true, objects: true }) as T,
  };
}

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export function timestamp(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}
