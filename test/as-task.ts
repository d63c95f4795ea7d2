// A call as a client makes it that knows tasks (SEP-2663): it answers what it is asked, before and meanwhile, and comes back for the result.
import type { CallToolResult } from '@modelcontextprotocol/client'
import { type Answers, answerTo, declared } from './answers.ts'
import { taskClient } from './mcp/tasks.ts'
import { until } from './support/until.ts'

const OVER = new Set(['completed', 'failed', 'cancelled'])

type Questions = Record<string, { method: string, params?: Record<string, unknown> }>

/** @throws Error when the call does not become a task, or the task does not come to a result */
export async function runAsTask (endpoint: string, headers: Record<string, string>, name: string, args: Record<string, unknown>, answers: Answers): Promise<CallToolResult> {
  const client = taskClient(endpoint, undefined, headers, declared(answers))
  const answersTo = (questions: Questions) => Object.fromEntries(Object.entries(questions).map(([key, { method, params }]) => [key, answerTo(answers, key, method, params)]))

  let { result, error } = await client.call(name, args)
  while (result?.resultType === 'input_required') {
    const { inputRequests = {}, requestState } = result
    const round = { inputResponses: answersTo(inputRequests), ...(requestState !== undefined && { requestState }) };
    ({ result, error } = await client.request('tools/call', { name, arguments: args, ...round }))
  }
  if (error !== undefined) throw new Error(`${name} failed: ${error.message}`)
  if (result?.isError === true) return result as CallToolResult
  if (result?.resultType !== 'task') throw new Error(`${name} did not run as a task; its configuration needs task: 'optional' or 'required'`)

  const { taskId } = result
  const task = await until(async () => {
    const { result: task } = await client.get(taskId)
    if (task?.status === 'input_required') await client.update(taskId, answersTo(task.inputRequests))
    return OVER.has(task?.status) ? task : undefined
  }, 60_000)
  if (task.status !== 'completed') throw new Error(`the task of ${name} is ${task.status}: ${task.statusMessage ?? task.error?.message ?? ''}`)
  return task.result
}
