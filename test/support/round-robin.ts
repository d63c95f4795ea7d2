// A load balancer as plain as there is one: each request goes to the next instance, whoever sent it and whatever it is of.
import { Agent, createServer, request } from 'node:http'
import { once } from 'node:events'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

export interface RoundRobin {
  readonly port: number
  readonly origin: string
  /** How many requests each instance has been sent. */
  readonly sent: number[]
  /** Ports of the instances, to be set once they are known; one that refuses the connection is passed over. */
  instances: number[]
}

export async function startRoundRobin (t: Test): Promise<RoundRobin> {
  const port = await freePort()
  const balancer: RoundRobin = { port, origin: `http://127.0.0.1:${port}`, sent: [], instances: [] }
  const agent = new Agent({ keepAlive: false })
  let turn = 0
  const server = createServer((asked, answer) => {
    const parts: Buffer[] = []
    asked.on('data', part => parts.push(part)).on('end', () => pass(balancer.instances.length))
    function pass (tries: number): void {
      const index = turn++ % balancer.instances.length
      balancer.sent[index] = (balancer.sent[index] ?? 0) + 1
      const onward = request({ agent, port: balancer.instances[index], host: '127.0.0.1', method: asked.method, path: asked.url, headers: asked.headers }, response => {
        answer.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(answer)
        response.on('error', () => answer.destroy())
        answer.on('close', () => onward.destroy())
      })
      onward.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED' && tries > 1) pass(tries - 1)
        else if (answer.headersSent) answer.destroy()
        else answer.writeHead(502).end()
      })
      onward.end(Buffer.concat(parts))
    }
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return balancer
}
