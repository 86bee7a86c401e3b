import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import { isOfTime, kindOfClass } from '../../access/shared-type.ts'

/** The provisions of a Consent, for one that is signed later: data is given from the same moment on, even if that was the moment of signing. */
export const sinceBefore = ({ dateTime, provision: root }: Consent): readonly ConsentProvision[] =>
  (root?.provision ?? []).map(provision => {
    const { type, dataPeriod } = provision
    const isTold = (dataPeriod?.start ?? root?.dataPeriod?.start) !== undefined
    return type !== 'permit' || dateTime === undefined || isTold || !isTimed(provision)
      ? provision
      : { ...provision, dataPeriod: { ...dataPeriod, start: dateTime } }
  })

/** Whether it has times; a period would cover nothing of data without. */
const isTimed = ({ code, class: classes = [] }: ConsentProvision): boolean =>
  code !== undefined || classes.every(one => isOfTime(kindOfClass(one) ?? ''))
