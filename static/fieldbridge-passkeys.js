// What went wrong with a passkey, in words; allauth's scripts would only tell the console.
document.addEventListener('allauth.error', function (event) {
  event.preventDefault()
  const name = event.detail.exception && event.detail.exception.name
  const words = {
    NotAllowedError: 'Nothing was done: your device did not confirm in time, or you pressed Cancel. Try again.',
    InvalidStateError: 'This device has a key for your account already.',
    SecurityError: 'Passkeys do not work at this address. Use the address that the portal was set up with.'
  }
  const old = document.getElementById('passkey-problem')
  const notice = old || document.createElement('p')
  notice.id = 'passkey-problem'
  notice.className = 'notice notice-warn'
  notice.setAttribute('role', 'alert')
  notice.textContent = words[name] || 'That did not work with this device. Try again, or use another way.'
  if (!old) document.getElementById('main').prepend(notice)
})
