import { wholeNumber } from './accepted.ts'
import { setting } from './setting.ts'

/** How long, and how much of, refused documents are kept. */
export const quarantineVariables = {
  quarantineDays: setting({
    name: 'QUARANTINE_DAYS',
    fallback: '90',
    accepts: 'a whole number of days from 1 to 3650',
    effect:
      'For how many days refused documents are kept after they last came, and the log of what came from each data source.',
    parse: wholeNumber(1, 3650),
  }),
  quarantineDocuments: setting({
    name: 'QUARANTINE_DOCUMENTS',
    fallback: '10000',
    accepts: 'a whole number from 0 to 1000000; 0 keeps none',
    effect:
      'Most refused documents that are kept for each data source at the same time; for each patient, a tenth of that.',
    parse: wholeNumber(0, 1_000_000),
  }),
  quarantineMegabytes: setting({
    name: 'QUARANTINE_MEGABYTES',
    fallback: '100',
    accepts: 'a whole number of megabytes from 0 to 10000',
    effect: 'Most megabytes that these documents take, in the same way.',
    parse: wholeNumber(0, 10_000),
  }),
}

type Room = { readonly quarantineDocuments: number; readonly quarantineMegabytes: number }

export const quarantineRoomOf = ({ quarantineDocuments, quarantineMegabytes }: Room) => ({
  documents: quarantineDocuments,
  bytes: quarantineMegabytes * 1_000_000,
})
