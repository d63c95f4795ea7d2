// Cuts secrets out of finished lines, in time that grows with the length of a line and no faster: strangers choose what stands in it.
import { isSecret } from '../../lib/settings.ts'
import { type Config, ConfigSchema } from '../config.ts'

/** Of what is longer only the beginning is kept. Whoever logs cuts what comes from outside; this is for what nobody thought of. */
export const MOST_CHARACTERS = 16_384
// A secret at the end of what is kept is seen whole.
const MOST_SECRET_CHARACTERS = 8_192

// What a secret of ours or of a provider looks like, wherever in a line it turns up: error messages of upstreams quote keys.
const SECRET_MARKS = ['sk-', 'eyJ'] // keys and tokens have one of them,
const SEPARATORS = [' ', '=', '%', '@', '+', '\t', '\u00a0'] // and every other shape one of these, which most lines have none of
const anyCase = (names: string): string => names.replace(/[a-z]/g, letter => `[${letter}${letter.toUpperCase()}]`)
// Names that say it by themselves, and those that do where they stand in a query.
const SECRET_NAMES = anyCase('(?:access_|refresh_|id_)token|code_verifier|client_secret|client_assertion|password')
const QUERY_NAMES = anyCase('appid|api[_-]?key|key|token|code|secret')
const SECRET_SHAPES = [
  // A scheme is written in any case (RFC 9110 section 11.1). In small letters "basic" is a word, and what follows it often another one.
  String.raw`(?:\b|(?<=\\(?:[bfnrt]|u[0-9a-f]{4})|%[0-9A-Fa-f]{2}))(?:[Bb]earer|BEARER|Basic|BASIC|basic(?=\s+[a-z]*[A-Z0-9+/=]))(?:[ \t\u00a0]|%20|\+)+[A-Za-z0-9._~+/=-]{8,}`,
  // A parameter of a query or a form, encoded once more where it is a part of another one.
  String.raw`(?<=(?:(?:[?&]|%26|%3[Ff])(?:${QUERY_NAMES}|${SECRET_NAMES})|(?:^|[\s"'])(?:${SECRET_NAMES}))(?:=|%3[Dd]))[^&"\\\s]+`,
  // The password of an address (RFC 3986 section 3.2.1).
  String.raw`(?<=:\/\/[^\s/:@"]{0,100}:)[^\s/@"\\]+(?=@)`
].join('|')
// What JSON or a URL escapes, or a run of characters that tokens and keys consist of. Each character is in one match only, so
// looking for all of them passes over a line once.
const RUN = /\\(?:u[0-9a-f]{4}|.)|%[0-9A-Fa-f]{2}|[\w*.-]+/g
const REDACTED = '[redacted]'

/** Replaces secrets in a finished line, and cuts it where it is too long. */
export interface Redactor {
  (line: string): string
  /** Cuts out these too, from now on; what is no text, or too short to be told from any other word, is passed over. */
  hide: (secrets: readonly unknown[]) => void
}

/** Knows the secrets that the configuration holds. */
export function redactor (config: Config): Redactor {
  const held = new Set<string>()
  let shapes = new RegExp('')
  let marks: string[] = []
  hide(Object.entries(ConfigSchema.properties).filter(([, schema]) => isSecret(schema)).flatMap(([name]) => config[name as keyof Config]))

  function hide (secrets: readonly unknown[]): void {
    for (const secret of secrets.flatMap(withPassword)) if (typeof secret === 'string' && secret.length >= 6) for (const spelled of spellings(secret)) held.add(spelled)
    shapes = new RegExp([...[...held].toSorted((a, b) => b.length - a.length).map(value => RegExp.escape(value)), SECRET_SHAPES].join('|'), 'g')
    marks = [...SEPARATORS, ...SECRET_MARKS, ...held]
  }

  const redact = (line: string): string => {
    if (line.length > MOST_CHARACTERS) return beginning(line, withoutSecrets)
    // A single character is found many times as fast as a shape, and most lines have none.
    return marks.some(mark => line.includes(mark)) ? withoutSecrets(line) : line
  }
  return Object.assign(redact, { hide })

  function withoutSecrets (line: string): string {
    const rest = line.replace(shapes, REDACTED)
    return rest.includes('eyJ') || rest.includes('sk-') ? rest.replace(RUN, withoutKeys) : rest
  }
}

/** A URL, and the password in it, which messages quote alone. */
function withPassword (secret: unknown): unknown[] {
  if (typeof secret !== 'string' || !/^\w+:\/\//.test(secret) || !URL.canParse(secret)) return [secret]
  const { password, searchParams } = new URL(secret)
  return [secret, password, URL.canParse(`x://${password}`) ? decodeURIComponent(password) : password, searchParams.get('password')]
}

/** As a line may hold it: as JSON, as JSON within JSON, and as a part of an address. */
function spellings (secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const spelled = [json, JSON.stringify(json).slice(1, -1)]
  return secret.isWellFormed() ? [...spelled, encodeURIComponent(secret)] : spelled
}

/** A run of characters without the signed tokens and the API keys in it. */
function withoutKeys (run: string): string {
  return without(without(run, 'eyJ', /[.*]/g, true), 'sk-', /\./g, false)
}

/**
 * Cuts out what begins with a mark that no letter stands before, has eight characters more before it ends, and, where
 * that is asked for, a part after the dot that ends it. What a mark began in vain is not looked at again.
 */
function without (run: string, mark: string, end: RegExp, dotted: boolean): string {
  let kept = ''
  let from = 0
  for (let at = run.indexOf(mark); at !== -1; at = run.indexOf(mark, at)) {
    if (/\w/.test(run[at - 1] ?? '')) {
      at += mark.length
      continue
    }
    end.lastIndex = at
    const stop = end.exec(run)?.index ?? run.length
    if (stop - at < mark.length + 8 || (dotted && !/^\.[\w.-]/.test(run.slice(stop, stop + 2)))) at = Math.max(stop, at + mark.length)
    else {
      const star = dotted ? run.indexOf('*', stop) : stop
      kept += run.slice(from, at) + REDACTED
      at = from = star === -1 ? run.length : star
    }
  }
  return kept + run.slice(from)
}

/** A line that is too long, as one that is JSON still. */
function beginning (line: string, withoutSecrets: (line: string) => string): string {
  const kept = withoutSecrets(line.slice(0, MOST_CHARACTERS + MOST_SECRET_CHARACTERS)).slice(0, MOST_CHARACTERS / 2)
  const [, level = 'error'] = /^\{"level":"(\w{1,10})"/.exec(line) ?? []
  return `${JSON.stringify({ level, time: new Date().toISOString(), msg: 'a line was too long', characters: line.length, beginning: kept })}\n`
}
