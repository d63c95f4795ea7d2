// What the user of a test answers to the questions of tools.
import type { ClientCapabilities } from '@modelcontextprotocol/client'

type Content = Record<string, string | number | boolean | string[]>

/**
 * By the key of a question: what is filled into its form, or that nothing is; for a question to the model of the client, its
 * text. A function is given what was asked.
 */
export type Answers = Record<string, Content | 'decline' | 'cancel' | { model: string } | ((asked: Record<string, unknown>) => Content | 'decline' | 'cancel' | { model: string })>

/** What a client can do that has these answers: without any it cannot be asked. */
export const declared = (answers: Answers): ClientCapabilities => Object.keys(answers).length === 0 ? {} : { elicitation: { form: {}, url: {} }, sampling: {} }

/** The answer as the protocol has it. @throws Error for a question that there is no answer to */
export function answerTo (answers: Answers, key: string, method: string, asked: Record<string, unknown> = {}): Record<string, unknown> {
  const [name = ''] = key.split(/:\d+$/) // in a task, the server tells the rounds apart
  const given = answers[name]
  if (given === undefined) throw new Error(`there is no answer to "${name}" (${method}: ${JSON.stringify(asked.message ?? asked)}); startTools(t, { answers: { ${name}: … } }) gives one`)
  const answer = typeof given === 'function' ? given(asked) : given
  if (method === 'sampling/createMessage') return { role: 'assistant', model: 'test', content: { type: 'text', text: (answer as { model: string }).model } }
  return typeof answer === 'string' ? { action: answer } : { action: 'accept', content: answer }
}
