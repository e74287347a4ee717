//! How an experiment asks to be run: its `runtime` block.

use fracas_model::*;

use super::{Reader, describe, error_at};

impl Reader {
    /// A block resets the strategies that it does not name: those of the settings do not count then.
    pub(super) fn runtime(&mut self, node: &Node) -> Runtime {
        let block = node.get("runtime").filter(|block| !block.is_null());
        let Some(block) = block.filter(|block| block.as_map().is_none_or(|map| !map.is_empty())) else {
            return Runtime::default();
        };
        self.block(block, "runtime", &["hypothesis", "rollbacks", "strict-probes", "durability"]);
        Runtime {
            hypothesis: Some(self.hypothesis_strategy(block).unwrap_or_default()),
            rollbacks: Some(self.rollback_strategy(block).unwrap_or_default()),
            strict_probes: self.strict_probes(block),
            durability: self.durability(block),
        }
    }

    fn hypothesis_strategy(&mut self, block: &Node) -> Option<HypothesisStrategy> {
        let strategy = self.strategy(block, "hypothesis")?;
        let found = strategy.as_str().and_then(HypothesisStrategy::from_name);
        found.or_else(|| self.one_of(strategy, "hypothesis strategy", &HypothesisStrategy::NAMES))
    }

    fn rollback_strategy(&mut self, block: &Node) -> Option<RollbackStrategy> {
        let strategy = self.strategy(block, "rollbacks")?;
        self.one_of(strategy, "rollback strategy", &RollbackStrategy::NAMES)
    }

    fn strategy<'n>(&mut self, block: &'n Node, part: &str) -> Option<&'n Node> {
        let part_block = block.get(part)?;
        self.block(part_block, part, &["strategy"]);
        part_block.get("strategy")
    }

    fn strict_probes(&mut self, block: &Node) -> bool {
        let Some(strict) = block.get("strict-probes") else { return false };
        self.flag(strict, "strict-probes")
    }

    /// A key that is true or false.
    pub(super) fn flag(&mut self, node: &Node, key: &str) -> bool {
        if let NodeValue::Bool(flag) = node.value {
            return flag;
        }
        self.tell(error_at(node, format!("`{key}` is true or false, not {}", describe(node))));
        false
    }

    fn durability(&mut self, block: &Node) -> Durability {
        let names = [("disk", Durability::Disk), ("os", Durability::Os)];
        let named = block.get("durability").and_then(|node| self.one_of(node, "durability", &names));
        named.unwrap_or_default()
    }
}
