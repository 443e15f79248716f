// Keeps a fault of one page from taking the whole app down.
import { Component, type ReactNode } from 'react';
import { ErrorState } from '../ui/index.ts';

interface Props {
  /** A change of it clears the fault: going to another page must not show the last page's. */
  at: string;
  children: ReactNode;
}

/** Shows what went wrong in place of the page, and offers another try. */
export class ErrorBoundary extends Component<Props, { error: Error | undefined }> {
  override state = { error: undefined as Error | undefined };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidUpdate(before: Props): void {
    if (before.at !== this.props.at && this.state.error) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <ErrorState title="This page failed" onRetry={() => this.setState({ error: undefined })}>
        {error.message} — nothing was sent to the chain; your account is as it was.
      </ErrorState>
    );
  }
}
