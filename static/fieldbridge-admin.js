// The fields a mapping row reads are sent in the order they were chosen: a chosen one moves to the end of the list.
document.addEventListener("DOMContentLoaded", () => {
  const $ = window.django && window.django.jQuery;
  if (!$) {
    return;
  }
  $(document).on("select2:select", "select[multiple][name$=-sources]", (event) => {
    const chosen = event.params.data.element;
    if (chosen) {
      $(event.target).append(chosen).trigger("change");
    }
  });
});
