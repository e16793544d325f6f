import * as React from 'react';

/** Parts behind tabs, one of which is there; the arrow keys go through them. */
export function Tabs<T extends string>(props: {
  id: string;
  label: string;
  tabs: readonly { readonly id: T; readonly title: string }[];
  chosen: T;
  onChoose: (id: T) => void;
  children: React.ReactNode;
}) {
  const { id, label, tabs, chosen, onChoose } = props;
  const at = tabs.findIndex(tab => tab.id === chosen);
  const press = (event: React.KeyboardEvent<HTMLElement>) => {
    const places: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: tabs.length - 1
    };
    const to = ((places[event.key] ?? NaN) + tabs.length) % tabs.length;
    const next = tabs[to];
    if (next !== undefined) {
      event.preventDefault();
      onChoose(next.id);
      event.currentTarget.querySelectorAll('button')[to]?.focus();
    }
  };
  return (
    <>
      <div className="lbd-Tabs" role="tablist" aria-label={label} onKeyDown={press}>
        {tabs.map(tab => (
          <button
            key={tab.id}
            id={`${id}-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab.id === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={tab.id === chosen ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      <div
        id={`${id}-panel`}
        className="lbd-Tabs-panel"
        role="tabpanel"
        aria-labelledby={`${id}-${chosen}`}
      >
        {props.children}
      </div>
    </>
  );
}
