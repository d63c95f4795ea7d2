// Fixtures that tell the client something before they answer.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

const STEP_MS = 50

export default async function notifications (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('test_tool_with_progress', { description: 'Reports progress in three steps' }, async (_args, ctx) => {
    await ctx.progress(0, 100, 'Started')
    await sleep(STEP_MS)
    await ctx.progress(50, 100, 'Half way')
    await sleep(STEP_MS)
    await ctx.progress(100, 100, 'Done')
    return { content: [{ type: 'text', text: 'Reported progress three times' }] }
  })

  mcp.registerTool('test_tool_with_logging', { description: 'Sends three log messages' }, async (_args, ctx) => {
    await ctx.message('info', 'Tool execution started')
    await sleep(STEP_MS)
    await ctx.message('info', 'Tool processing data')
    await sleep(STEP_MS)
    await ctx.message('info', 'Tool execution completed')
    return { content: [{ type: 'text', text: 'Sent three log messages' }] }
  })

  mcp.registerTool('test_logging_tool', { description: 'Sends a log message' }, async (_args, ctx) => {
    await ctx.message('info', 'A message for clients that asked for this level')
    return { content: [{ type: 'text', text: 'Sent a log message' }] }
  })

  // SEP-1699: the client has to come back for the result with Last-Event-ID.
  mcp.registerTool('test_reconnection', { description: 'Ends the response stream before it answers' }, async (_args, ctx) => {
    ctx.closeStream()
    await sleep(2 * STEP_MS)
    return { content: [{ type: 'text', text: 'The client came back for this' }] }
  })

  mcp.registerTool('test_trigger_tool_change', { description: 'Announces that the list of tools has changed' }, () => {
    mcp.toolsChanged()
    return { content: [{ type: 'text', text: 'Announced' }] }
  })

  mcp.registerTool('test_trigger_prompt_change', { description: 'Announces that the list of prompts has changed' }, () => {
    mcp.promptsChanged()
    return { content: [{ type: 'text', text: 'Announced' }] }
  })
}
