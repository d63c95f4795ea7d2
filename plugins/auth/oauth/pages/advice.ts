// What a person can do about an error: they have made none, and the words of the protocol tell them nothing.
import type { OAuthError } from '../error.ts'

export interface Advice {
  /** What has happened, in a few words. */
  readonly title: string
  readonly advice: string
}

export function adviceFor ({ error, message, status }: OAuthError, serverName: string): Advice {
  if (message.startsWith('This server cannot fetch')) {
    return { title: 'This server cannot reach those who make the app', advice: 'Go back to your app and connect again: the app may introduce itself in another way then. If it does not, whoever runs this server is the one to ask, with what stands below.' }
  }
  if (error === 'invalid_client' || /redirect_uri/.test(message)) {
    return { title: 'This server does not know the app', advice: `Remove ${serverName} in the app and add it again: the app then introduces itself anew. If that does not help, tell the people who make the app.` }
  }
  if (error === 'access_denied') return { title: 'This page was open for too long', advice: 'Go back to your app and connect again. Your browser has to allow cookies for this page.' }
  if (status === 429 || error === 'temporarily_unavailable') return { title: 'The server is busy', advice: 'Wait a moment, then go back to your app and connect again.' }
  if (status >= 500) return { title: 'Something went wrong on this server', advice: 'Go back to your app and try again. If it happens again, tell whoever runs this server, with the number below.' }
  return { title: 'This cannot go on', advice: 'Go back to your app and connect again. If it happens again, tell the people who make the app, with what stands below.' }
}
