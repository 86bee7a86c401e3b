import type { Resource } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Connection } from '../database.ts'
import type { Dictionary } from '../prepare/dictionary.ts'

/** One resource as it was just written; `resource` is undefined if it was deleted. */
export type Projected<R extends Resource = Resource> = {
  readonly patientId: number
  readonly pk: string
  readonly id: string
  readonly versionId: string
  readonly resource: R | undefined
}

export type ProjectionContext = {
  readonly classes: Pick<CodeClasses, 'kindOf' | 'classOf'>
  readonly dictionary: Pick<Dictionary, 'kinds' | 'devices' | 'deviceSources' | 'patients'>
  /**
   * Everything is projected anew, into empty tables. It was accepted when it was written, and is not judged again by what has changed since then. No
   * turns are taken for it.
   */
  readonly isAccepted?: boolean
  /** Collects the ids of Persons that are linked to several Patients. */
  readonly linked?: Set<string>
  /** Collects the ids of Patients whose places in studies are to say another gender or year of birth. */
  readonly corrected?: Set<string>
  /** Collects the ids of Patients who are called otherwise than before. */
  readonly renamed?: Set<string>
  /** Collects the ids of studies that were not there before. */
  readonly begun?: Set<string>
  /** The numbers of Patients that this transaction has created: nobody else knows of them yet, so no turns are taken for them. */
  readonly newPatients?: ReadonlySet<number>
  /** Collects the numbers of the patients whose turn this transaction has taken. */
  readonly turns?: Set<number>
  /** SHA-256 of the writer's token; absent if the server itself writes. */
  readonly tokenHash?: Buffer
}

/** Makes the rows of the model follow what was written, in the same transaction. Throws FhirError if the model forbids it. */
export type Projection<R extends Resource = Resource> = (
  connection: Connection,
  changes: readonly Projected<R>[],
  context: ProjectionContext,
) => Promise<void>

/** For types that are written one at a time. */
export const each =
  <R extends Resource>(
    one: (connection: Connection, change: Projected<R>, context: ProjectionContext) => Promise<void>,
  ): Projection<R> =>
  async (connection, changes, context) => {
    for (const change of changes) await one(connection, change, context)
  }
