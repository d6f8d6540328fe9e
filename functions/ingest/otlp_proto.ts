/**
 * OTLP's protobuf encoding: the only door to protobufjs. Decoded messages have the field names of
 * OTLP's JSON, 64-bit integers as pairs of halves, and own properties only for fields that were
 * sent. Field numbers are OTLP's (opentelemetry-proto 1.x); what the platform does not read is left
 * out, which readers of protobuf skip.
 *
 * @module
 * @see https://github.com/open-telemetry/opentelemetry-proto
 */
import protobuf from "protobufjs";

const definition = `
syntax = "proto3";

message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    ArrayValue array_value = 5;
    KeyValueList kvlist_value = 6;
    bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Scope { string name = 1; string version = 2; }

message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message Metric {
  string name = 1;
  string unit = 3;
  oneof data {
    Gauge gauge = 5;
    Sum sum = 7;
    Histogram histogram = 9;
    ExponentialHistogram exponential_histogram = 10;
    Summary summary = 11;
  }
}
message Gauge { repeated NumberPoint data_points = 1; }
message Sum {
  repeated NumberPoint data_points = 1;
  int32 aggregation_temporality = 2;
  bool is_monotonic = 3;
}
message Histogram { repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }
message ExponentialHistogram {
  repeated ExponentialPoint data_points = 1;
  int32 aggregation_temporality = 2;
}
message Summary { repeated SummaryPoint data_points = 1; }
message NumberPoint {
  fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; }
  repeated Exemplar exemplars = 5;
  repeated KeyValue attributes = 7;
  uint32 flags = 8;
}
message HistogramPoint {
  fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3;
  fixed64 count = 4;
  repeated fixed64 bucket_counts = 6;
  repeated double explicit_bounds = 7;
  repeated Exemplar exemplars = 8;
  repeated KeyValue attributes = 9;
  uint32 flags = 10;
  optional double min = 11;
  optional double max = 12;
}
message ExponentialPoint {
  repeated KeyValue attributes = 1;
  fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3;
  fixed64 count = 4;
  sint32 scale = 6;
  fixed64 zero_count = 7;
  Buckets positive = 8;
  Buckets negative = 9;
  uint32 flags = 10;
  repeated Exemplar exemplars = 11;
  optional double min = 12;
  optional double max = 13;
  double zero_threshold = 14;
}
message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }
message SummaryPoint {
  fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3;
  fixed64 count = 4;
  repeated Quantile quantile_values = 6;
  repeated KeyValue attributes = 7;
  uint32 flags = 8;
}
message Quantile { double quantile = 1; double value = 2; }
message Exemplar { bytes span_id = 4; bytes trace_id = 5; }

message LogsRequest { repeated ResourceLogs resource_logs = 1; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message ScopeLogs { repeated LogRecord log_records = 2; }
message LogRecord {
  fixed64 time_unix_nano = 1;
  int32 severity_number = 2;
  string severity_text = 3;
  AnyValue body = 5;
  repeated KeyValue attributes = 6;
  bytes trace_id = 9;
  bytes span_id = 10;
  fixed64 observed_time_unix_nano = 11;
  string event_name = 12;
}

message TracesRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Span {}

message Answer { PartialSuccess partial_success = 1; }
message PartialSuccess { int64 rejected = 1; string error_message = 2; }
message Status { int32 code = 1; string message = 2; }
`;

const { root } = protobuf.parse(definition);
const requests = {
  metrics: root.lookupType("MetricsRequest"),
  logs: root.lookupType("LogsRequest"),
  traces: root.lookupType("TracesRequest"),
};
const Answer = root.lookupType("Answer");
const Status = root.lookupType("Status");

export type Signal = keyof typeof requests;

/** Decodes an export request. @throws when the bytes are not one */
export function decodeRequest(signal: Signal, bytes: Uint8Array): unknown {
  return requests[signal].decode(bytes);
}

/** Encodes an `Export…ServiceResponse`: the three have the same fields. */
export function encodeAnswer(rejected: number, message: string): Uint8Array<ArrayBuffer> {
  const full = rejected === 0 && message === "";
  return Uint8Array.from(
    Answer.encode(full ? {} : { partialSuccess: { rejected, errorMessage: message } }).finish(),
  );
}

/** Encodes a `google.rpc.Status`. */
export function encodeStatus(code: number, message: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Status.encode({ code, message }).finish());
}
