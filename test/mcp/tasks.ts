// What a client that knows tasks does, over plain fetch (SEP-2663).
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, type Message, modern, type Send } from './wire.ts'

export const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
export const UNKNOWN = { error: { code: -32602, message: /not found/i } }
export const NOT_DECLARED = { error: { code: -32021, data: { requiredCapabilities: TASKS } } }

export const accept = (value: string) => ({ action: 'accept', content: { value } })

export function taskClient (endpoint: string, caller?: string, headers: Record<string, string> = {}, capabilities: object = { elicitation: {} }) {
  const send: Send = { capabilities: { ...TASKS, ...capabilities }, headers: { ...headers, ...(caller !== undefined && { 'x-test-caller': caller }) } }
  const request = (method: string, params: Record<string, unknown>) => answer(modern(endpoint, method, params, {
    ...send, headers: { ...send.headers, ...(typeof params.taskId === 'string' && { 'mcp-name': params.taskId }) }
  }))
  const get = (taskId: string) => request('tasks/get', { taskId })
  return {
    request,
    get,
    call: (name: string, args: Record<string, unknown> = {}) => request('tools/call', { name, arguments: args }),
    cancel: (taskId: string) => request('tasks/cancel', { taskId }),
    update: (taskId: string, inputResponses: Record<string, unknown>) => request('tasks/update', { taskId, inputResponses }),
    /** Calls a tool that becomes a task, and answers the id of it. */
    async start (name: string, args: Record<string, unknown> = {}): Promise<string> {
      const { result, error } = await this.call(name, args)
      if (result?.resultType !== 'task') throw new Error(`no task: ${JSON.stringify(result ?? error)}`)
      return result.taskId
    },
    /** Polls until the task has the status. */
    async until (taskId: string, status: string): Promise<Record<string, any>> {
      let last: Message = {}
      for (const deadline = Date.now() + 12_000; Date.now() < deadline; await sleep(25)) {
        last = await get(taskId)
        if (last.result?.status === status) return last.result
      }
      throw new Error(`not ${status}: ${JSON.stringify(last)}`)
    }
  }
}
