// Shows a caller the address that the server sees it under.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export default async function getSourceIp (fastify: FastifyInstance) {
  fastify.mcp.registerTool('get_source_ip', {
    title: 'Source IP address',
    description: 'Returns the IP address from which the request appears to originate. Through a hosted client (Claude, ChatGPT and the like) that is an address of its vendor, not of the person using it.',
    outputSchema: Type.Object({
      address: Type.String({ description: 'IPv4 or IPv6 address' }),
      behind_proxy: Type.Boolean({ description: 'Whether the request came through a proxy that the server trusts' }),
      reported_by: Type.String({ enum: ['connection', 'X-Forwarded-For', 'X-Real-IP'], description: 'Where the address was found' }),
      vouched_address: Type.Optional(Type.String({ description: 'The address that the trusted proxies vouch for, where it is another one: the first is then only what the request claims' })),
      proxy: Type.Optional(Type.String({ description: 'Address of the proxy, when there is one' }))
    }),
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false }
  }, async (_args, { request }) => {
    const { address, behindProxy, reportedBy, vouched, peer } = request.sourceAddress()
    // By X-Real-IP there is no list of which a part could be made up: the proxy sets it whole.
    const claimed = reportedBy === 'X-Forwarded-For' && vouched !== address
    return {
      content: [{ type: 'text', text: `Your source IP address: ${address}${claimed ? `\nThat is what the request claims; the proxy in front vouches for ${vouched}.` : ''}` }],
      structuredContent: { address, behind_proxy: behindProxy, reported_by: reportedBy, ...(claimed && { vouched_address: vouched }), ...(behindProxy && { proxy: peer }) }
    }
  })
}
