import type { Measure } from './cast.ts'
import type { StudyKey } from './staff.ts'

type Said = { readonly en: string; readonly es: string }

/** What patients read about the studies besides their text; the English words are in the studies themselves. */
export const titles: Readonly<Record<StudyKey, Said>> = {
  metabolism: { en: 'Glucose and the heart in daily life', es: 'La glucosa y el corazón en la vida diaria' },
  shifts: {
    en: 'Sleep and steps of people who work in shifts',
    es: 'El sueño y los pasos de quienes trabajan por turnos',
  },
}

export const purposes: Readonly<Record<StudyKey, Said>> = {
  metabolism: {
    en: 'We want to learn how glucose, the heart and sleep go together on ordinary days, and not only in the clinic.',
    es: 'Queremos saber cómo van juntos la glucosa, el corazón y el sueño en días corrientes, y no solo en la consulta.',
  },
  shifts: {
    en: 'We want to learn how people sleep and move when they work by day one week and by night the next.',
    es: 'Queremos saber cómo duermen y se mueven quienes trabajan de día una semana y de noche la siguiente.',
  },
}

export const reasons: Readonly<Record<Measure, Said>> = {
  glucose: { en: 'To see how it goes up and down in a day.', es: 'Para ver cómo sube y baja a lo largo del día.' },
  heartRate: { en: 'To see how the heart rests and works.', es: 'Para ver cómo descansa y trabaja el corazón.' },
  bloodPressure: { en: 'To see it at home, and not only here.', es: 'Para verla en casa, y no solo aquí.' },
  steps: { en: 'To see when people move, and how much.', es: 'Para ver cuándo se mueve la gente, y cuánto.' },
  sleep: { en: 'To see how long people sleep, and when.', es: 'Para ver cuánto duerme la gente, y cuándo.' },
}
