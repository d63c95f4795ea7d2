// HTTP as it goes over the wire: for what fetch does not send.
import { connect } from 'node:net'

/** Sends text to a server, and answers all that it sends until it closes the connection. */
export async function rawRequest (origin: string, text: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  socket.write(text)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}
