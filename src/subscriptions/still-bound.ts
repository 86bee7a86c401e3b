import { isGranted } from '../access/rules.ts'
import { findCaller } from '../storage/authorization/token.ts'
import { isHolderOver } from '../storage/subscription/binding-token.ts'
import { findSubscriber, type Subscriber } from '../storage/subscription/subscriber.ts'
import type { Connection } from './connection.ts'
import type { Serving } from './serve.ts'

type Checking = Pick<Serving, 'database' | 'accessFor'>

/** Ends what is bound by a token that is no longer in force, and answers whether anything is left. */
export const checkStill = async (options: Checking, { socket, bearer, bound }: Connection): Promise<boolean> => {
  const isByBearer = [...bound.values()].some(({ how }) => how === 'by-id')
  const isInForce = !isByBearer || (bearer !== undefined && (await findCaller(options.database, bearer)) !== undefined)
  if (!isInForce) {
    socket.close('The token is no longer in force')
    return false
  }
  for (const [id, one] of bound) {
    const isOver = one.how === 'by-token' && (await isHolderOver(options.database, one.holder))
    const subscriber = isOver ? undefined : await findSubscriber(options.database, id)
    if (subscriber !== undefined && subscriber.rights === one.rights && isStillGranted(options, subscriber)) continue
    bound.delete(id)
    if (bound.size === 0) socket.close(`Subscription/${id} has ended`)
  }
  return bound.size > 0
}

const isStillGranted = ({ accessFor }: Checking, { caller, hasEnded }: Subscriber): boolean =>
  caller !== undefined && !hasEnded && isGranted(accessFor(caller), 'r', 'Subscription')
