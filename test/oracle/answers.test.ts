/** Everything that is asked of one server with the examples; each of these files can also be run by itself. */
import './combined.ts'
import './one-parameter.ts'
import './sets.ts'
import './shape.ts'
import './ways.ts'
