import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import { isOfTime, kindOfClass } from '../../access/shared-type.ts'

/**
 * What a Consent says, to be said again by one that is signed later: data is given from the same moment on, also where that was told by
 * when it was signed.
 */
export const sinceBefore = ({ dateTime, provision: root }: Consent): readonly ConsentProvision[] =>
  (root?.provision ?? []).map(provision => {
    const { type, dataPeriod } = provision
    const isTold = (dataPeriod?.start ?? root?.dataPeriod?.start) !== undefined
    return type !== 'permit' || dateTime === undefined || isTold || !isTimed(provision)
      ? provision
      : { ...provision, dataPeriod: { ...dataPeriod, start: dateTime } }
  })

/** A period would cover nothing of what is of no time. */
const isTimed = ({ code, class: classes = [] }: ConsentProvision): boolean =>
  code !== undefined || classes.every(one => isOfTime(kindOfClass(one) ?? ''))
