import * as React from 'react';

/** What a field's input needs, so that its label, hint and problem belong to it. */
export interface IInputProps {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
}

/** A labelled input, what is wrong with it, or else what helps to fill it in. */
export function Field(props: {
  /** The input's id, where somebody looks for it. */
  id?: string;
  label: string;
  hint?: string | undefined;
  problem: string | null;
  wide?: boolean;
  children: (input: IInputProps) => React.ReactNode;
}) {
  const { label, hint, problem, wide, children } = props;
  const made = React.useId();
  const id = props.id ?? made;
  const told = `${id}-told`;
  const input = {
    id,
    'aria-describedby': problem || hint ? told : undefined,
    'aria-invalid': problem ? true : undefined
  };
  return (
    <div className={`lbd-Field${wide ? ' lbd-mod-wide' : ''}`}>
      <label className="lbd-Field-label" htmlFor={id}>
        {label}
      </label>
      {children(input)}
      {problem ? (
        <Sentence id={told} text={problem} />
      ) : (
        hint && (
          <span id={told} className="lbd-Field-hint">
            {hint}
          </span>
        )
      )}
    </div>
  );
}

/** What is wrong, said aloud as soon as it is there. */
export function Sentence(props: { id?: string; text: string }) {
  return (
    <span id={props.id} className="lbd-Field-problem" role="alert">
      {props.text}
    </span>
  );
}
