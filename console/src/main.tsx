import { render } from 'preact'
import { Console } from './console.tsx'
import './style/base.css'
import './style/frame.css'
import './style/fields.css'
import './style/parts.css'
import './style/screens.css'
import './style/deployment.css'
import './style/charts.css'
import './style/plan.css'

const place = document.getElementById('console')
if (place !== null) render(<Console />, place)
