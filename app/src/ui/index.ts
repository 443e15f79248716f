// All components, for pages to import from one place.
export { Button, type ButtonProps } from './Button.tsx';
export { cx } from './class.ts';
export { Dialog, type DialogProps } from './Dialog.tsx';
export { Check, Input, Select, type InputProps, type Option } from './Field.tsx';
export { Gauge, LoadBar } from './Gauge.tsx';
export { Icon, PlimsollMark, type IconName } from './icons.tsx';
export { NumberText } from './NumberText.tsx';
export { Slider } from './Slider.tsx';
export { Sparkline } from './Sparkline.tsx';
export { EmptyState, ErrorState, Notice, Skeleton, SkeletonRows } from './States.tsx';
export { Table, type Column } from './Table.tsx';
export { Tabs, type Tab } from './Tabs.tsx';
export { dismiss, toast, Toasts } from './Toast.tsx';
export { Tooltip } from './Tooltip.tsx';
