import { body, type Field, flag, integer, list, quantity, record, text, words } from './row.ts'
import {
  duration,
  ieeeInterval,
  ieeePeriod,
  omhFrame,
  omhPeriod,
  percent,
  posture,
  sound,
  statisticPerFields,
} from './values.ts'

const inPeriod: Field = ['effective_time_frame*', ieeePeriod]
const mainSleep: Field = ['is_main_sleep', flag]
const ending: readonly Field[] = [inPeriod, mainSleep, ...statisticPerFields]
const stages = ['rem', 'light', 'deep']
const stage = words('REM_sleep', 'Light_sleep', 'Deep_sleep', 'Unknown_sleep', 'Awake')
const snoreEvent = record(
  ['snored*', flag],
  ['snore_time_frame*', ieeeInterval],
  ['snore_intensity', sound],
  ['body_posture', posture],
)

const index = (name: string, unit: string, ...fields: readonly Field[]) =>
  body(`ieee:${name}`, '1.0', [`${name.replaceAll('-', '_')}*`, quantity(unit)], ...fields)

const stageTime = (name: string) =>
  body(
    `ieee:${name}-sleep`,
    '1.0',
    [`${name}_sleep_duration*`, duration],
    ['total_sleep_time*', duration],
    [`${name}_sleep_percentage`, percent],
    ...ending,
  )

/** Bodies about sleep; most are from IEEE 1752.1, which continues Open mHealth's. */
export const sleep = [
  body(
    'omh:sleep-duration',
    '1.0 2.0',
    ['sleep_duration*', quantity('sec', 'min', 'h')],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhPeriod, '2'],
    ...statisticPerFields.map(([name, shape]): Field => [name, shape, '2']),
    ['user_notes', text, '1'],
  ),
  body(
    'omh:sleep-episode',
    '1.0 1.1',
    ['latency_to_sleep_onset', duration],
    ['latency_to_arising', duration],
    ['total_sleep_time', duration],
    ['wake_after_sleep_onset', duration, '1.1'],
    ['number_of_awakenings', integer],
    mainSleep,
    ['effective_time_frame*', omhPeriod],
    ['sleep_maintenance_efficiency_percentage', percent],
  ),
  body(
    'omh:total-sleep-time',
    '1.0',
    ['total_sleep_time*', duration],
    ['effective_time_frame*', omhPeriod],
    ...statisticPerFields,
  ),
  body(
    'ieee:sleep-episode',
    '1.0',
    ['latency_to_sleep_onset', duration],
    ['latency_to_arising', duration],
    ['total_sleep_time', duration],
    ...stages.map((name): Field => [`${name}_sleep_duration`, duration]),
    ['wake_after_sleep_onset', duration],
    ['number_of_awakenings', integer],
    mainSleep,
    inPeriod,
    ['sleep_efficiency_percentage', percent],
  ),
  body(
    'ieee:sleep-stage-summary',
    '1.0',
    [
      'sleep_stage_summary*',
      record(
        ['total_sleep_time*', duration],
        ['sleep_efficiency_percentage', percent],
        ['latency_to_sleep_onset', duration],
        ['latency_to_arising', duration],
        ...stages.flatMap((name): readonly Field[] => [
          [`${name}_sleep_duration`, duration],
          [`${name}_sleep_episode_count`, integer],
          [`${name}_sleep_percentage`, percent],
        ]),
        ['awake_duration', duration],
        ['awake_percentage', percent],
        ['number_of_awakenings', integer],
        ...statisticPerFields,
      ),
    ],
    ['sleep_stage_episodes', list(record(['sleep_stage_state*', stage], ['sleep_stage_time_frame*', ieeePeriod]))],
    inPeriod,
    mainSleep,
  ),
  body(
    'ieee:total-sleep-time',
    '1.0',
    ['total_sleep_time*', duration],
    ['sleep_events', list(ieeeInterval)],
    ...ending,
  ),
  body('ieee:time-in-bed', '1.0', ['time_in_bed*', duration], ...ending),
  stageTime('deep'),
  stageTime('light'),
  body('ieee:sleep-onset-latency', '1.0', ['sleep_onset_latency*', duration], ...ending),
  body(
    'ieee:wake-after-sleep-onset',
    '1.0',
    ['wake_after_sleep_onset*', duration],
    ['awakening_durations', list(duration)],
    inPeriod,
    ...statisticPerFields,
  ),
  index('apnea-hypopnea-index', 'events/h', inPeriod, ...statisticPerFields),
  index('arousal-index', 'awakenings/h', ...ending),
  index('snore-index', 'snores/h', ['snore_events', list(snoreEvent)], ...ending),
]
