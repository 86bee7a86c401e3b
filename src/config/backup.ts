import { wholeNumber } from './accepted.ts'
import { setting } from './setting.ts'

/** When to warn that backups are recorded too seldom. */
export const backupVariables = {
  backupDays: setting({
    name: 'BACKUP_DAYS',
    fallback: '2',
    accepts: 'a whole number of days from 1 to 365',
    effect: 'How many days old the last recorded backup (`sharewell backup record`) may be before /system warns.',
    parse: wholeNumber(1, 365),
  }),
}
