/**
 * Let Tab and the arrow keys reach the buttons of a toolbar that are enabled now.
 *
 * JupyterLab's toolbar looks at them when buttons come and go, and not when they change: where the
 * first one is disabled later, Tab leads past all of them.
 */
export function keepReachable(toolbar: HTMLElement): void {
  const look = () => {
    if ('reduceFocusableElements' in toolbar) {
      const { reduceFocusableElements } = toolbar;
      if (typeof reduceFocusableElements === 'function') {
        reduceFocusableElements.call(toolbar);
      }
    }
  };
  new MutationObserver(look).observe(toolbar, {
    attributeFilter: ['disabled'],
    subtree: true
  });
}
