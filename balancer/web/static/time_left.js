// How much time a read has left, in the same words as balancer/web/time_left.py: a test compares the two.

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const clockOf = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/London", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayOf = new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/London", year: "numeric", month: "2-digit", day: "2-digit" });
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const FULL_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A length of time in milliseconds, in at most two units. */
export function span(length) {
  const minutes = Math.trunc(length / MINUTE);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) {
    const rest = minutes % 60;
    return rest ? `${Math.trunc(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
  }
  const hours = Math.trunc(minutes / 60), days = Math.trunc(hours / 24);
  if (days >= 2) return `${days} days`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** An instant in London, as far as it must be said now. */
export function atWords(instant, now) {
  const [year, month, day] = dayOf.format(instant).split("-").map(Number);
  const [thisYear, thisMonth, today] = dayOf.format(now).split("-").map(Number);
  const date = Date.UTC(year, month - 1, day);
  const apart = Math.abs(date - Date.UTC(thisYear, thisMonth - 1, today)) / DAY;
  const clock = clockOf.format(instant);
  if (apart === 0) return clock;
  if (apart < 7) return `${WEEKDAYS[new Date(date).getUTCDay()]} ${clock}`;
  return `${day} ${MONTHS[month - 1]}${year === thisYear ? "" : ` ${year}`} ${clock}`;
}

/** A day and the time of day in London, as the strip has it. */
export function dayAndClock(instant) {
  const [year, month, day] = dayOf.format(instant).split("-").map(Number);
  const weekday = WEEKDAYS[new Date(Date.UTC(year, month - 1, day)).getUTCDay()];
  return `${weekday} ${day} ${FULL_MONTHS[month - 1]}, ${clockOf.format(instant)}`;
}

/** What is shown of something due then: all instants in milliseconds; `ceiling` may be missing. */
export function timeLeft({ began, due, ceiling, now }) {
  const left = due - now, target = Math.max(due - began, 0);
  const dueWords = `${left < 0 ? "was due" : "due"} ${atWords(due, now)}`;
  if (ceiling !== undefined && now > ceiling) return { level: "over", words: `Over ceiling by ${span(now - ceiling)}`, due: dueWords };
  if (left < 0) return { level: "late", words: `Late by ${span(-left)}`, due: dueWords };
  const words = `${span(left)} left`;
  if (left < Math.max(HOUR, target / 8)) return { level: "soon", words, due: dueWords };
  if (left < Math.max(DAY, target / 2)) return { level: "today", words, due: dueWords };
  return { level: "later", words, due: dueWords };
}

/** Bring the words of every time mark within `root` up to date; nothing is moved and no shape is changed. */
export function tick(root, now) {
  for (const mark of root.querySelectorAll("[data-left]")) {
    const said = { began: Date.parse(mark.dataset.began), due: Date.parse(mark.dataset.due), now };
    if (mark.dataset.ceiling) said.ceiling = Date.parse(mark.dataset.ceiling);
    const found = timeLeft(said);
    setText(mark.querySelector("[data-words]"), found.words);
    setText(mark.querySelector("[data-due-words]"), found.due);
    for (const level of ["over", "late", "soon", "today", "later"]) mark.classList.toggle(`b-left--${level}`, level === found.level);
  }
}

function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
