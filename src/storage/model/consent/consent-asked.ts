import type { Permit } from '../../../access/consent-permit.ts'
import { typeOfKind } from '../../../access/shared-type.ts'
import { FhirError, type Issue } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'

/** With the numbers of its kind and its source in the dictionaries. */
export type NumberedPermit = Permit & { readonly kindId: number; readonly deviceId: number }

/** A study's patients can give no more than it asks for. */
export const refuseUnasked = async (
  connection: Connection,
  study: string,
  permits: readonly NumberedPermit[],
): Promise<void> => {
  const asked = await connection.any<{ kind_id: number; device_id: number }>(
    sql.fragment`SELECT kind_id, device_id FROM study_requested_data WHERE study_id = ${study}`,
  )
  const isAsked = ({ kindId, deviceId }: NumberedPermit) =>
    asked.some(one => one.kind_id === kindId && (one.device_id === 0 || one.device_id === deviceId))
  const issues = permits
    .filter(permit => !isAsked(permit))
    .map(
      (permit): Issue => ({
        code: 'business-rule',
        message: `The study does not ask for ${told(permit)}`,
        expression: permit.expression,
      }),
    )
  const [first, ...rest] = issues
  if (first !== undefined) throw FhirError.of([first, ...rest])
}

const told = ({ kind, device }: Permit): string =>
  typeOfKind(kind) ?? `${kind} from ${device === undefined ? 'any source' : `Device/${device}`}`
