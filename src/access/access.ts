import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, all, and, type Expression, or } from '../search/expression.ts'

/** Which rows of a type may be acted upon. Always answers: `none` where nothing is granted. */
export type Access = (action: Action, type: ResourceType) => Expression

declare const restricted: unique symbol

/** A question that has passed the gate. Only `restrict` makes one, and the compiler takes nothing else. */
export type Restricted = Expression & { readonly [restricted]: true }

/** What is asked, within what is allowed. */
export const restrict = (access: Access, action: Action, type: ResourceType, asked: Expression = all): Restricted =>
  and(access(action, type), asked) as Restricted

/** What both allow: a token's scopes, and what its person may see. */
export const both =
  (one: Access, other: Access): Access =>
  (action, type) =>
    and(one(action, type), other(action, type))

/** What any of them allows. */
export const either =
  (...of: readonly Access[]): Access =>
  (action, type) =>
    or(...of.map(access => access(action, type)))

/** The server's own work: migrations, reindexing. Passed by name, never a default. */
export const fullAccess: Access = () => all
