// Text from outside, made short enough to stand in a line of the log or in an answer.

/** The text itself, or its beginning and how long it was. */
export function cut (text: string, most = 256): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`
}
