DROP TRIGGER checkpoint_only_gains;
