import React, { useState } from "react";
import { Button } from "./button";
import * as Icons from "./icons";

interface Props { title: string }

/** Shows a title. */
export const Card: React.FC<Props> = ({ title }) => {
  const [open, setOpen] = useState<boolean>(false);
  const toggle = () => setOpen(!open);
  return (
    <div className="card">
      <Button onClick={toggle}>{title.trim()}</Button>
      <Icons.Arrow size={1} />
      <></>
    </div>
  );
};

export default function Page(props: Props) {
  return <Card {...props} />;
}
