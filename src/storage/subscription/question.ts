import type { ResourceType } from '@medplum/fhirtypes'
import type { Access } from '../../access/access.ts'
import { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Expression } from '../../search/expression.ts'
import { lookedUp } from '../compile/terminology.ts'
import type { Connection } from '../database.ts'
import { isConflict } from '../postgres/sql-state.ts'
import { attempt } from '../write/savepoint.ts'
import type { Subscriber } from './subscriber.ts'

/** What a subscriber is told about: rows of the type that match the criteria, and that the access allows to be searched. */
export type Question = { readonly type: ResourceType; readonly where: Expression; readonly access: Access }

/** Undefined if there is no longer anything to ask for the subscriber; throws a FhirError if their question cannot be answered. */
export type QuestionOf = (subscriber: Subscriber) => Question | undefined

/** What a question is answered with. */
export type Answering = { readonly registry: Registry; readonly classes: CodeClasses }

/** The question with the codes of its value sets, as far as the subscriber may read these now. Throws a FhirError if one is not known. */
export const answerable = <One extends Question>(
  connection: Connection,
  answering: Answering,
  question: One,
): Promise<One> => lookedUp(connection, { ...answering, access: question.access }, question)

/**
 * Answers what was found out, or why it could not be. Whatever is wrong with one subscriber's question, a fault of ours included, must neither hold up
 * the other subscribers nor the change that they would be told of.
 */
export const askForSubscriber = async <Found>(
  connection: Connection,
  ask: () => Promise<Found>,
): Promise<{ readonly done: Found } | { readonly refused: FhirError }> => {
  try {
    return await attempt(connection, ask)
  } catch (error) {
    if (isConflict(error)) throw error
    return { refused: new FhirError('exception', 'Internal error', { cause: error }) }
  }
}

/** For a refusal: whether it is a fault of ours. */
export const isFault = ({ issues: [issue] }: FhirError): boolean => issue.code === 'exception'
