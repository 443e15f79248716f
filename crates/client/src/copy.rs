//! Copies of accounts on the heap: books and queues are larger than a stack frame should be.
use bytemuck::Pod;

/// A copy of an account, made without passing through the stack.
pub fn boxed<T: Pod>(account: &T) -> Box<T> {
    let mut copy: Box<T> = bytemuck::zeroed_box();
    bytemuck::bytes_of_mut(&mut *copy).copy_from_slice(bytemuck::bytes_of(account));
    copy
}
