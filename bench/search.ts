import type { Report } from './report.ts'
import type { BenchServer } from './server.ts'
export const benchSearch = async (_server: BenchServer, _o: { rows: number; explain: boolean }): Promise<Report> => ({ bench: 'search', figures: {}, bars: [] })
