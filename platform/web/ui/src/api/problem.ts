/** One field that the server would not take. */
export interface FieldProblem {
  field: string;
  code: string;
}

/** A failed call: an RFC 9457 problem document, or no answer at all (`status` 0, code `client.offline`). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: FieldProblem[];
  /** Seconds to wait before asking again, from `Retry-After`. */
  readonly retryAfter: number | null;

  constructor(parts: { status: number; code: string; requestId?: string | null; fields?: FieldProblem[]; retryAfter?: number | null }) {
    super(parts.code);
    this.name = "Problem";
    this.status = parts.status;
    this.code = parts.code;
    this.requestId = parts.requestId ?? null;
    this.fields = parts.fields ?? [];
    this.retryAfter = parts.retryAfter ?? null;
  }

  /** Reads a problem document; an answer that is none keeps its status and a code made of it. */
  static from(response: Response, body: unknown): Problem {
    const document = isObject(body) ? body : {};
    return new Problem({
      status: response.status,
      code: typeof document["code"] === "string" ? document["code"] : `http.${response.status}`,
      requestId: typeof document["request_id"] === "string" ? document["request_id"] : response.headers.get("x-request-id"),
      fields: Array.isArray(document["errors"]) ? document["errors"].flatMap(fieldProblem) : [],
      retryAfter: secondsToWait(response.headers.get("retry-after")),
    });
  }
}

function fieldProblem(entry: unknown): FieldProblem[] {
  if (!isObject(entry) || typeof entry["field"] !== "string" || typeof entry["code"] !== "string") return [];
  return [{ field: entry["field"], code: entry["code"] }];
}

function secondsToWait(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
