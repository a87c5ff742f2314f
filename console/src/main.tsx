import { render } from 'preact'
import { Console } from './console.tsx'
import './style/base.css'
import './style/parts.css'
import './style/screens.css'

const place = document.getElementById('console')
if (place !== null) render(<Console />, place)
