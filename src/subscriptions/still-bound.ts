import { isGranted } from '../access/rules.ts'
import { findCaller } from '../storage/authorization/token.ts'
import { isHolderOver } from '../storage/subscription/binding-token.ts'
import { findSubscriber, type Subscriber } from '../storage/subscription/subscriber.ts'
import type { Bound, Connection } from './connection.ts'
import type { Serving } from './serve.ts'

type Checking = Pick<Serving, 'database' | 'accessFor'>

/** Answers whether it stays open. It is closed if anything that is bound has ended, whatever else is: nothing else tells the client. */
export const checkStill = async (options: Checking, connection: Connection): Promise<boolean> => {
  const reason = await findReason(options, connection)
  if (reason !== undefined) connection.socket.close(reason)
  return reason === undefined
}

/** Why it no longer may be open. */
const findReason = async (options: Checking, { bearer, bound }: Connection): Promise<string | undefined> => {
  const isByBearer = bound.values().some(({ how }) => how === 'by-id')
  const isInForce = !isByBearer || (bearer !== undefined && (await findCaller(options.database, bearer)) !== undefined)
  if (!isInForce) return 'The token is no longer in force'
  for (const [id, one] of bound) if (!(await isStill(options, id, one))) return `Subscription/${id} has ended`
  return undefined
}

const isStill = async (options: Checking, id: string, one: Bound): Promise<boolean> => {
  if (one.how === 'by-token' && (await isHolderOver(options.database, one.holder))) return false
  const subscriber = await findSubscriber(options.database, id)
  return subscriber?.rights === one.rights && isTold(subscriber) && isStillGranted(options, subscriber)
}

/** One in error stays, as it may yet be told; by another channel its receiver is another. */
const isTold = ({ subscription: { status, channel } }: Subscriber): boolean =>
  status !== 'off' && channel.type === 'websocket'

const isStillGranted = ({ accessFor }: Checking, { caller, hasEnded }: Subscriber): boolean =>
  caller !== undefined && !hasEnded && isGranted(accessFor(caller), 'r', 'Subscription')
